# python3: 100,000 objects to JSON and back; in half of its memory with swap, with huge pages, and in both.
# needs: /usr/bin/python3
# options:
# options: --thp always
# options: --memory 64M --swap 256M
# options: --memory 64M --swap 256M --thp always
cat >program.py <<'PROGRAM'
import hashlib, json
objects = [{"id": i, "name": "object %d" % i, "tags": [i % 7, i % 11], "half": i / 2, "odd": bool(i & 1)} for i in range(100000)]
text = json.dumps(objects)
print(len(text), hashlib.sha256(text.encode()).hexdigest())
again = json.loads(text)
print(again == objects, sum(o["id"] for o in again), len(json.dumps(again[::1000], sort_keys=True, indent=1)))
again.sort(key=lambda o: (o["tags"], -o["id"]))
print([o["id"] for o in again[:3]], json.dumps(again[-1]))
PROGRAM
/usr/bin/python3 -E -s program.py
