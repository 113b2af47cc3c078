// The numbers along an axis. BokehJS runs this by itself, at each axis (ticks.py), so it needs nothing else of the script.

/** What stands at a tick: its number, or the power of `base` whose exponent it is; `labels` in ticks.py does the same. */
function tickLabel(tick, ticks, base) {
  const power = (exponent) => (base || 10) + String(exponent).replace(/./g, (sign) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[sign] ?? '⁻');
  const plain = (number, digits = 6) => String(Number(number.toPrecision(digits))).replace('-', '−');
  const largest = Math.max(...ticks.map(Math.abs));
  if (base) {
    const number = base ** tick;
    return 0.000999 < number && number < 10001 ? plain(number, 4) : power(tick);
  }
  if (Math.abs(tick) <= 1e-9 * largest) return '0';
  if (0.000999 < largest && largest < 9999.5) return plain(tick);
  const [mantissa, exponent] = tick.toExponential(3).split('e').map(Number);
  return ({1: '', '-1': '−'}[mantissa] ?? plain(mantissa) + '·') + power(exponent);
}
