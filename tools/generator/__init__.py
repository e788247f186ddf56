"""From `openapi.yaml` to `generated/images_api_client`."""
