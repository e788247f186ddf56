"""Images in bulk: one job file in, every image once out, whatever happens on the way."""
