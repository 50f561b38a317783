// usage: node peers.mjs load JSONL DIRECTORY | query DIRECTORY REPEAT SQL
//
// DuckDB's part of peers.sh. `load` turns a file of {"run":{},"steps":[]} lines into
// Parquet (zstd) tables runs, steps and events. `query` prints the rows as tab-separated
// lines, then "ms M", the median of REPEAT runs of the query alone: the process, the
// library and the connection are not counted, and one run before the first warms up.
import { createRequire } from "node:module";

const require = createRequire(process.env.PEERS_MODULES + "/");
const { DuckDBInstance } = require("@duckdb/node-api");
const [, , command, ...args] = process.argv;
const connection = await (await DuckDBInstance.create(":memory:")).connect();

async function load(source, directory) {
  const quoted = source.replaceAll("'", "''");
  await connection.run("SET preserve_insertion_order = false");
  await connection.run(`CREATE VIEW lines AS SELECT * FROM read_json('${quoted}', format = 'newline_delimited',
    maximum_object_size = 67108864, columns = {
      run: 'STRUCT(id VARCHAR, pipeline_name VARCHAR, pipeline_version VARCHAR, start_time TIMESTAMP,
                   end_time TIMESTAMP, status VARCHAR, error VARCHAR, metadata JSON, final_output JSON)',
      steps: 'STRUCT(id VARCHAR, step_name VARCHAR, step_type VARCHAR, sequence INT, start_time TIMESTAMP,
                     end_time TIMESTAMP, inputs JSON, outputs JSON, reasoning VARCHAR, candidates_in BIGINT,
                     candidates_out BIGINT, filters_applied JSON, metadata JSON, error VARCHAR,
                     events STRUCT("type" VARCHAR, item_id VARCHAR, reason VARCHAR, score DOUBLE,
                                   rank_in INT, rank_out INT, data JSON)[])[]'})`);
  const write = (name, sql) =>
    connection.run(`COPY (${sql}) TO '${directory}/${name}.parquet' (FORMAT parquet, COMPRESSION zstd)`);
  await write("runs", "SELECT unnest(run) FROM lines");
  await write("steps", `SELECT run_id, s.* EXCLUDE (events) FROM
    (SELECT run.id AS run_id, unnest(steps) AS s FROM lines)`.replace("s.* EXCLUDE (events)",
    ["id", "step_name", "step_type", "sequence", "start_time", "end_time", "inputs", "outputs", "reasoning",
      "candidates_in", "candidates_out", "filters_applied", "metadata", "error"].map((c) => `s.${c} AS ${c}`).join(", ")));
  await write("events", `SELECT run_id, sequence, e."type" AS verdict, e.item_id AS item, e.reason AS reason,
      e.score AS score, e.rank_in AS rank_in, e.rank_out AS rank_out, e.data AS data
    FROM (SELECT run_id, s.sequence AS sequence, unnest(s.events) AS e FROM
      (SELECT run.id AS run_id, unnest(steps) AS s FROM lines))`);
}

async function query(directory, repeat, sql) {
  for (const table of ["runs", "steps", "events"])
    await connection.run(`CREATE VIEW ${table} AS SELECT * FROM '${directory}/${table}.parquet'`);
  const times = [];
  let rows;
  for (let i = 0; i <= repeat; i++) {
    const started = process.hrtime.bigint();
    rows = (await connection.runAndReadAll(sql)).getRows();
    if (i > 0) times.push(Number(process.hrtime.bigint() - started) / 1e6);
  }
  for (const row of rows) console.log(row.map((cell) => String(cell)).join("\t"));
  times.sort((a, b) => a - b);
  console.log(`ms ${times[times.length >> 1].toFixed(1)}`);
}

if (command === "load") await load(args[0], args[1]);
else if (command === "query") await query(args[0], Number(args[1]), args[2]);
else process.exitCode = 2;
