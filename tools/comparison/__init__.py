"""Compare OpenAPI documents by their facts, whatever their style."""
