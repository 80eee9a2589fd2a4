# node: V8's own compilers, code pages written and run, JSON, a garbage collector of several threads.
# needs: node
cat >program.js <<'PROGRAM'
const objects = Array.from({length: 20000}, (_, i) => ({id: i, name: 'object ' + i, half: i / 2}));
const text = JSON.stringify(objects), again = JSON.parse(text);
console.log(text.length, again.reduce((sum, o) => sum + o.id, 0), again.filter(o => /7$/.test(o.name)).length);
function hash(n) { let h = 7; for (let i = 0; i < n; i++) h = (Math.imul(h, 31) + i) | 0; return h; }
for (let i = 0; i < 50; i++) hash(20000); console.log(hash(100000));
console.log(new Map(objects.slice(0, 3).map(o => [o.id, o.name])), new Float64Array([1, 2, 3]).map(Math.sqrt));
Promise.resolve(42).then(console.log); setTimeout(() => console.log('later'), 5);
PROGRAM
node program.js
