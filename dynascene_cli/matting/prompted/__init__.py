"""Networks of transformers that need torch: things followed by prompts, and their edges."""
