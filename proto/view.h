/* view: what a console (or `ls`) can ask a hub to show. Every view is a pure function of (log, time cursor).
 *
 * A request ("view" once, "sub" continuously) is a map:
 *   view     one of the names below
 *   sweep    name or recording path; absent or "" = the newest sweep
 *   cursor   ns since 1970: show everything as of then; absent or < 0 = now (live)
 *   hz       "sub" only: at most so many updates a second (1..30)
 *   ...      the view's own parameters
 * The answer ("view.data"):
 *   sub      id of the request
 *   full     true: parts replace everything; false: parts replace the rows with their index, the others stand
 *   count    rows in all (after the filter) -- parts with index >= count are gone
 *   head     map, the view's header (always whole)
 *   parts    [[index, value]...], index counted from `from`
 * A hub keeps what it last sent to each subscription and sends only parts whose bytes differ; when a send fails (slow
 * console) it forgets and sends full next time. Row maps carry the JSON keys that `hypertop ls --json` prints (keys may
 * be added, never renamed); an absent value is nil.
 *
 * Names and parameters:
 *
 *   sweeps         rows {sweep,state,trials,running,best,best_trial,goal,tuner,space_version,recording,started,warning}
 *   trials         from, rows (window; rows 0 = all), sort (column or parameter name, "-" in front reverses), filter, spark (columns
 *                  of a sparkline, 0 none), follow (trial id: head.index says where it is), extra ([name...]: row.extra has the
 *                  values of these columns, parameters or metrics), group (a column, parameter or metric: the rows are a tree),
 *                  folded ([id...]: groups whose trials are left out)
 *                  rows {trial,state,value,values[] (several objectives; else absent),step,params{},origin,space_version,runs,started,seconds,energy_j,tags[],
 *                        progress (0..1 or nil), note, spark [f64 or nil...], changed (ns of last change)}
 *                  of a group {trial: its id (below -1), group: label, trials, running, over, value (the best), mean, best_trial, folded}
 *                  head {shown, total, index, groups}
 *   runs           rows {run,trial,seed,phase,state,worker,pid,exit,epoch,host,started,points,dropped}
 *   arms           rows {bandit,arm,label,pulls,mean,low,high,p_next,p_best,p_free,banned,pinned,boost,until}
 *                  head {bandits: [{bandit, name, algorithm, run, rounds, cost}], policy, next}
 *   workers        rows {worker,host,pid,slots,busy,state,last_seen}
 *   interventions  rows {id,time,who,verb,target,args{},reason,state,message,applied_step,undo_of,undoable}
 *   metrics        trial (optional) rows {trial,run,metric,count,first_step,last_step,first,last,min,max}
 *   summary        head {sweep,state,goal,metric,tuner,counts{STATE: n},trials,budget,best,best_trial,best_params{},started,elapsed,
 *                        eta,workers,slots,busy,points,points_per_s,recording,sync,bytes,space_version,live (bool),now,first,last,
 *                        cursor,seconds_running, explore, concurrency, warning (string or nil), consoles, params [name...]}
 *   curve          trials [id...], run, or best: n (the n best that `filter` lets through); metric (absent: the objective) or metrics
 *                  [name...]; x: step | time | a metric's name (epoch, cost); x0, x1 (absent: all), log_x (columns even on a log axis),
 *                  columns; group: run (absent) | trial (its repeats as one) | a parameter (its values or ranges)
 *                  parts: one per run or group, and metric {trial, run, metric, label, n, x0, x1, min: bin f64[columns], max: bin,
 *                        mean: bin (NaN = no point, infinite = points, none finite), first, last, last_step, nan_step, nan_x, runs,
 *                        marks: [[intervention, x]...]; groups also: group, trials, deviation: bin (over runs; min, max, mean too)}
 *                  head {x0, x1, y0, y1, metric, columns, x, log_x, why}; x in steps, in seconds since each run's first point, or in
 *                  the metric's unit
 *   best           columns: the best value that any incumbent had, against time; head {t0,t1,columns, value: bin f64[columns]}
 *   arms_history   columns, bandit: pulls (cumulative share) over time; parts {arm, label, share: bin f64[columns]}; head {t0,t1}
 *   trial          trial: one row {the trials row, plus live: [{name,value,type,low,high,log,state,pending}],
 *                        diff: [[name, mine, best]] to the best trial's parameters, diff_parent: the same to the trial it was made from, checkpoints: [{path,step,time,run}],
 *                        runs: [{run,seed,state,worker,host,step,value}], why, state_why, arm, propensity, parent}
 *   text           trial or run, lines (tail length), before (index, for scrolling), find (a text), at (index): rows
 *                  {index,time,stream,text}; head {run, first, end, lines; with find: hits, prev, next (nearest lines around `at`)}: indexes of the oldest line kept and one past the newest
 *   events         t0, t1, columns, trial (optional): rows {time, kind: best|fail|intervention|hub, id, trial, step, text};
 *                  head {first, last, density: bin f64[columns]}
 *   rungs          rows {rung, resource, trials, promoted, stopped, cutoff}; head {correlation: [[rung, n, tau, low, high]...]}: Kendall's
 *                  tau of a rung's values with the last rung both reached
 *   landscape      x, y (parameter names; y absent: a slice along x; both absent: the first two that vary), layer (mean |
 *                  deviation | acquisition | observed | partial), columns, rows (grid cells, at most 512 x 256), hold (best |
 *                  typical | a trial id), fix (map {param: value}, over hold)
 *                  head {x: axis, y: axis or nil, layer, columns, rows, z: bin f32[rows * columns] (row 0 is the lowest y; NaN unknown),
 *                        deviation: bin f32[...] (slices of the mean, else nil), z0, z1 (what colours run over; of values the worse end is
 *                        cut where few cells are far worse than most), held: [[name, value]...], model (sentence or nil), trials (with a
 *                        value), noise (deviation of repeats near the best, or nil), enough (bool), why,
 *                        best: {trial, x, y, value} or nil, basins: [[x, y or nil, value, persistence or nil (the deepest)]...] of the
 *                        mean, only those deeper than the model is unsure of them, at most 8,
 *                        regions: [[verb, text, x0, y0, x1, y1, weight or nil, asks left or nil, intervention]...],
 *                        cells: [[x0, y0, x1, y1, depth, pulls]...] of a live tuner that splits the space,
 *                        quadratic: {x, y, value, convex, r2, plateau} or nil: of the best tenth of the mean's map; plateau is the
 *                        share of the map within `noise` of its best}
 *                  axis is {name, type, low, high, scale (linear|log|rlog|choices), labels: [...] or nil}; x and y of points and
 *                  boxes run from 0 to 1 along the axis (a choice k of n lies at (k + 0.5) / n), nil where a trial does not have the
 *                  parameter; values in the user's sign. acquisition is the live tuner's own score when it has one (larger: likelier
 *                  to be tried next), else the expected improvement of the model, in the unit of the objective
 *                  parts: the trials {trial, state, x, y, value, order (n-th to end, or nil), inside (its other parameters are near
 *                  where they are held)}
 *                  list (bool, for ls): the parts are the cells instead {params: {name: value}, value, deviation, layer}, row by row, of
 *                  16 cells along an axis of numbers and one for each choice, filtered and sorted as lists are
 *   surfaces       trial (optional): rows {surface, trial, run, step, columns, rows, norm (filter|layer|towards), loss (at the weights
 *                  themselves), centre, min, max, done (0..1), state (on|done|stopped|failed), why, time, x0, x1, y0, y1, z: [f64 or
 *                  nil...] (row by row, y0 first; nil in old ones when there are many)}
 *   probe          trial, run, surface (all optional; the newest that fits), fill (cells that are unknown yet get the value of the nearest
 *                  coarser one): the loss on a plane through a run's weights; head {enough, why, the keys of a surfaces row, z: bin
 *                  f64[rows * columns] (NaN unknown)}; surface is the id of the intervention that asked for it
 *   preview        words: a command line as `send` takes it; head {text, trials: [id...], share (of the tuner's next proposals), value
 *                  (predicted), ok, message}: what the command would do, said in words, nothing done
 *   importance     method (fanova, the default | quick): rows {param, importance, low, high, pair (second parameter or nil)}, most
 *                  important first: shares of the variance of the objective over the whole space, main effects and what a pair adds
 *                  to them (from 1 %), with the 10 % and 90 % quantiles over trees; quick: between bins of the trials there are, with
 *                  those over random halves. head {method, trials, enough, why, r2 (of the forest on trials left out, or nil)}
 *   pareto         columns: rows {trial, state, values: [...], front}; head {objectives: [{name, goal}], reference: [...], hypervolume,
 *                  over_time: bin f64[columns], t0, t1, enough, why}
 *   edf            by (tuner, the default | origin | space_version | a parameter), columns: parts {label, trials, best, median, share:
 *                  bin f64[columns]}: the share of a group's ended trials (failed ones count, as never good) at least as good as each of
 *                  `columns` values evenly from head.v0 (the best) to head.v1 (the worst, cut where few are far worse than most);
 *                  head {v0, v1, columns, enough, why}. A number with more than 12 values is cut into quarters of the trials.
 *                  list (bool, for ls): a part for each value of each group instead {label, trials, value, share}, 11 values by default
 *   seeds          rows {trial, n, mean, deviation, min, max, test_n, test_mean, test_deviation}: spread over repeats, of trials that have
 *                  values from two seeds or a test seed; head {trials, deviation (pooled over all trials), enough, why}
 *   hosts          rows {host, role (hub|worker), cpu, memory, memory_total, load, net_in, net_out, disk_in, disk_out, gpus: [{name, use,
 *                  memory, memory_total, power, temperature}], power, energy, seen}: shares 0..1, bytes, bytes/s, W, J; what is not measured is nil
 *   consoles       rows {console, user, host, role, since, seen, sweep, last (its last command), last_time}
 *   alerts         rows {id, time, rule, trial, text, state}; head {rules: [[text, fired]...]}
 */
#ifndef PROTO_VIEW_H
#define PROTO_VIEW_H

#define VIEWS(VIEW)                                                                                                     \
    VIEW(SWEEPS, "sweeps", true)                                                                                       \
    VIEW(TRIALS, "trials", true)                                                                                       \
    VIEW(RUNS, "runs", true)                                                                                           \
    VIEW(ARMS, "arms", true)                                                                                           \
    VIEW(WORKERS, "workers", true)                                                                                     \
    VIEW(INTERVENTIONS, "interventions", true)                                                                         \
    VIEW(METRICS, "metrics", true)                                                                                     \
    VIEW(SUMMARY, "summary", false)                                                                                    \
    VIEW(CURVE, "curve", false)                                                                                        \
    VIEW(BEST, "best", false)                                                                                          \
    VIEW(ARMS_HISTORY, "arms_history", false)                                                                          \
    VIEW(TRIAL, "trial", false)                                                                                        \
    VIEW(TEXT, "text", false)                                                                                          \
    VIEW(EVENTS, "events", false)                                                                                      \
    VIEW(RUNGS, "rungs", false)                                                                                         \
    VIEW(LANDSCAPE, "landscape", false)                                                                                \
    VIEW(PREVIEW, "preview", false)                                                                                    \
    VIEW(PROBE, "probe", false)                                                                                        \
    VIEW(SURFACES, "surfaces", true)                                                                                   \
    VIEW(IMPORTANCE, "importance", true)                                                                               \
    VIEW(PARETO, "pareto", false)                                                                                      \
    VIEW(EDF, "edf", false)                                                                                            \
    VIEW(SEEDS, "seeds", true)                                                                                         \
    VIEW(HOSTS, "hosts", false)                                                                                        \
    VIEW(CONSOLES, "consoles", false)                                                                                  \
    VIEW(ALERTS, "alerts", false)

enum view_kind {
    VIEW_UNKNOWN,
#define VIEW_ENUM(e, name, ls) VIEW_##e,
    VIEWS(VIEW_ENUM)
#undef VIEW_ENUM
        VIEW_COUNT
};

#endif
