"""People make labels: records, scheme, the labelling page, Label Studio, agreement."""
