"""What both engines share: preparing a request, its generation, and the order in which prompts are prefilled."""
