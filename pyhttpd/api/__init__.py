"""What a module may see. Import the names from the files below this package."""
