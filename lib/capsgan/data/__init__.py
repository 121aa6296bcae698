"""Images in memory: data sets by name, drawings, photographs, folders; files decoded, pixels converted."""
