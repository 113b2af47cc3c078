"""Strict mode: 64-bit numbers, no silent change of rank or type, annotations checked, warnings are errors."""

import jax
from jaxtyping import install_import_hook

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

# From here on every module of the package checks its annotations at each call.
install_import_hook("sgtheory", "beartype.beartype").__enter__()
