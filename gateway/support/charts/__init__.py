"""Charts as SVG text: lines, bars, states over time, sparklines. Pure, and knows nothing of the gateway."""
