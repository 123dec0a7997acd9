"""Rules that find identifiers by their form and by the words around them."""
