"""What every client asks for."""

KEY = "bench"
PROMPT = "a baby sea otter, floating on its back"
MODEL = "gpt-image-1.5"
SIZE = "1024x1024"
