# A file to predict that is not there, and one that is not text.
train
say tenon predict run nowhere.txt
printf 'lunch \377\n' >bytes.txt
say tenon predict run bytes.txt

mkdir folder
say tenon predict run folder
