"""A stand-in for Azure Web PubSub: WebSocket clients, and the REST calls with which a server reaches them."""
