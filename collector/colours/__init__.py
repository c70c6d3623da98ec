"""The four colours of a site (四色预警): counted from its points' colours as the alarm book has them."""
