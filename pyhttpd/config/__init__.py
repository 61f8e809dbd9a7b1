"""From the text of httpd.conf to a typed, frozen Configuration."""
