"""Base images: made once with mmdebstrap, kept as tarballs, since test machines often reach no image registry."""
