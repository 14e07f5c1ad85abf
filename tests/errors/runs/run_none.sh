# A folder that is no run.
mkdir empty
say tenon resume empty
say tenon evaluate nowhere
say tenon predict empty
