"""Ready pages: bytes rendered once a change, kept in memory and in files, answered below Django.

This room knows nothing of news: outlets put pages in, the server's protocol takes them out. A static
server or a CDN can serve the same folder.
"""
