"""Pure mathematics on arrays: rates, quantiles, resampling, paired differences. Knows no record."""
