"""Label Studio: its server, its labelling page, and articles on the way there and back."""
