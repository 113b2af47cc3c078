# Where JAX keeps what it compiled. Sourced by postBuild, which fills the cache, and by start, which uses it: an entry is
# found again only when these settings are the same in both.
export JAX_COMPILATION_CACHE_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.jax_cache"
# By default only slow compilations are kept; here every one is, because a first picture consists of many short ones.
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
# The machine that builds the image is not the one that runs it: keep to instructions that both have.
export XLA_FLAGS="${XLA_FLAGS:+$XLA_FLAGS }--xla_cpu_max_isa=AVX2"
