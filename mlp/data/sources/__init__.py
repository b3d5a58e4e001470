"""Where data come from: downloaded, made from other images, and imported from pictures, Keras's and Kaggle's files."""
