set -eu
file=$1
lines=$(wc -l < "$file")
echo "lines $lines"
