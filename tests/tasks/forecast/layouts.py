"""All public layouts of tables of time series that a forecaster is expected to read."""

from tasks.forecast import layouts_economy, layouts_energy, layouts_sales, layouts_weather
from tasks.forecast.public_layout import PublicLayout

LAYOUTS: tuple[PublicLayout, ...] = (
    *layouts_energy.LAYOUTS,
    *layouts_weather.LAYOUTS,
    *layouts_sales.LAYOUTS,
    *layouts_economy.LAYOUTS,
)
