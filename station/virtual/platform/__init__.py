"""The virtual platform's parts: registry, signature, MQTT broker, thing model, shadow. They are not put together yet."""
