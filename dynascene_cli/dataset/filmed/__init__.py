"""Training clips out of raw videos: the paper's seven steps (section 4, appendix B)."""
