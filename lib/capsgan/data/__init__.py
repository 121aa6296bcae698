"""Images in memory: datasets by name, drawings, folders; files decoded, pixels converted."""
