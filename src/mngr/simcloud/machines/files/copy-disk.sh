# Copies one volume's content to another, empty one. $1 from, $2 to, $3 link|copy. Read from standard input.
# link: image layers, which no daemon ever changes, become hard links: 0.15 s where a copy takes 1 s.
set -eu
cd "/volumes/$1/_data"
to=/volumes/$2/_data
if [ "$3" = copy ]; then
    cp -a . "$to/"
    exit
fi
for item in * .[!.]*; do
    [ "$item" = overlay2 ] || [ ! -e "$item" ] || cp -a "$item" "$to/"
done
mkdir -m 710 "$to/overlay2"
for layer in overlay2/*; do
    if [ ! -d "$layer/diff" ]; then
        cp -a "$layer" "$to/overlay2/"
        continue
    fi
    mkdir -m 710 "$to/$layer"
    for part in "$layer"/*; do
        case $part in
        */diff) cp -al "$part" "$to/$layer/" ;;
        *) cp -a "$part" "$to/$layer/" ;;
        esac
    done
done
