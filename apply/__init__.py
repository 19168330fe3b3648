"""The model reads fresh articles: predictions, tables, pages."""
