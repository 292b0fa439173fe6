import { contestant } from "./dist/contestants/loop.js"
import * as HashMap from "effect/HashMap"
const w = await contestant.time.get({table: HashMap.make(["name","John"],["age",30]), count: 0})
await w.run(40000)
const go = async (label, n, pre) => { const out=[]; for (let i=0;i<6;i++){ await pre(); const t=performance.now(), c=process.cpuUsage(); await w.run(n); const d=process.cpuUsage(c); out.push(((performance.now()-t)/n*1e3).toFixed(1)+"/"+((d.user+d.system)/n).toFixed(1)) }; console.log(label, n, out.join("  ")) }
const no = async()=>{}
for (const n of [200,2000,10000]) { await go("none", n, no); await go("gc", n, async()=>gc()); await go("minor", n, async()=>gc({type:"minor"})); await go("immediate", n, () => new Promise(r=>setImmediate(r))) }
process.exit()
