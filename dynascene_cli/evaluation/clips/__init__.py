"""The paper's metrics, and others, on clips beside their truth."""
