"""Base templates, components, lists, charts, maps, the one stylesheet. No business word in here."""
