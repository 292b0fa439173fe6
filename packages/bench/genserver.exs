# What Erlang/OTP's own GenServer does: `elixir genserver.exs ROW [MILLISECONDS [ROUNDS [SERVERS]]]` measures one row of
# the benchmark and prints one JSON object on a line: nanoseconds per operation of each round, or bytes per server.
# Everything measured is in a module, because what stands outside of one is interpreted and not compiled.
defmodule Hashmap do
  use GenServer
  def init(state), do: {:ok, state}
  def handle_call({:get, k}, _from, s), do: {:reply, Map.get(s, k), s}
  def handle_call({:put, k, v}, _from, s), do: {:reply, :ok, Map.put(s, k, v)}
  def handle_call(:sleep, _from, s), do: {:reply, :ok, s, :hibernate}
end

defmodule Counter do
  use GenServer
  def init(count), do: {:ok, count}
  # a cast that was lost, doubled or overtaken makes it :wrong for good
  def handle_cast({:add, index}, count) when index == count, do: {:noreply, count + 1}
  def handle_cast({:add, _}, _), do: {:noreply, :wrong}
  def handle_call(:count, _from, count), do: {:reply, count, count}
end

defmodule Bench do
  @sizes %{"burst-1e3" => 1_000, "burst-1e4" => 10_000, "burst-1e5" => 100_000, "burst-1e6" => 1_000_000}

  def main([row]), do: main([row, "150"])
  def main([row, millis]), do: main([row, millis, "3"])
  def main([row, millis, rounds]), do: main([row, millis, rounds, "100000"])

  def main([row, millis, rounds, servers]) do
    case row do
      "memory-" <> condition -> memory(condition, String.to_integer(servers))
      _ -> time(workload(row), Map.get(@sizes, row, 100), String.to_integer(millis), String.to_integer(rounds))
    end
  end

  defp start do
    {:ok, pid} = GenServer.start(Hashmap, %{"name" => "John", "age" => 30})
    pid
  end

  # a function of the number of operations
  defp workload("get") do
    pid = start()
    fn n -> gets(pid, n) end
  end

  defp workload("get-100") do
    pid = start()

    fn n ->
      1..100
      |> Enum.map(fn _ -> Task.async(fn -> gets(pid, div(n, 100)) end) end)
      |> Enum.each(&Task.await(&1, :infinity))
    end
  end

  defp workload("put") do
    pid = start()

    fn n ->
      puts(pid, n)
      1 = GenServer.call(pid, {:get, "name"})
    end
  end

  # killed, seen to be gone, and waited for until the supervisor has put the next one in its place
  defp workload("restart") do
    Logger.configure(level: :none)
    Process.flag(:trap_exit, true)
    child = %{id: :table, start: {GenServer, :start_link, [Hashmap, %{"name" => "John", "age" => 30}]}}
    {:ok, sup} = Supervisor.start_link([child], strategy: :one_for_one, max_restarts: 10_000_000, max_seconds: 1)
    fn n -> restarts(sup, n) end
  end

  defp workload("start-stop"), do: fn n -> starts(n) end

  defp workload("burst-" <> _ = row) do
    {:ok, pid} = GenServer.start(Counter, 0)
    size = Map.fetch!(@sizes, row)
    fn n -> bursts(pid, size, div(n, size)) end
  end

  defp gets(_pid, 0), do: :ok

  defp gets(pid, n) do
    "John" = GenServer.call(pid, {:get, "name"})
    gets(pid, n - 1)
  end

  defp puts(_pid, 0), do: :ok

  defp puts(pid, n) do
    :ok = GenServer.call(pid, {:put, "name", n})
    puts(pid, n - 1)
  end

  defp restarts(_sup, 0), do: :ok

  defp restarts(sup, n) do
    [{_, pid, _, _}] = Supervisor.which_children(sup)
    ref = Process.monitor(pid)
    Process.exit(pid, :kill)

    receive do
      {:DOWN, ^ref, _, _, _} -> :ok
    end

    "John" = GenServer.call(next(sup, pid), {:get, "name"})
    restarts(sup, n - 1)
  end

  defp next(sup, last) do
    case Supervisor.which_children(sup) do
      [{_, pid, _, _}] when is_pid(pid) and pid != last -> pid
      _ -> next(sup, last)
    end
  end

  defp starts(0), do: :ok

  defp starts(n) do
    pid = start()
    :ok = GenServer.stop(pid)
    false = Process.alive?(pid)
    starts(n - 1)
  end

  defp bursts(_pid, _size, 0), do: :ok

  defp bursts(pid, size, n) do
    from = GenServer.call(pid, :count)
    casts(pid, from, from + size)
    bursts(pid, size, n - 1)
  end

  # the call's answer must be the number of casts sent so far
  defp casts(pid, sent, sent), do: ^sent = GenServer.call(pid, :count, :infinity)

  defp casts(pid, index, until) do
    GenServer.cast(pid, {:add, index})
    casts(pid, index + 1, until)
  end

  # As many operations as fill the time asked for, found while warming up; then that number `rounds` times.
  defp time(run, step, millis, rounds) do
    n = calibrate(run, step, step, millis)
    samples = for _ <- 1..rounds, do: micros(run, n) * 1_000 / n
    texts = Enum.map_join(samples, ", ", &:erlang.float_to_binary(&1, decimals: 1))
    IO.puts(~s({"samples": [#{texts}], "operations": #{n}}))
  end

  defp calibrate(run, step, n, millis) do
    spent = micros(run, n)

    cond do
      spent >= millis * 500 -> max(step, div(trunc(n * millis * 1_000 / spent), step) * step)
      true -> calibrate(run, step, n * 2, millis)
    end
  end

  defp micros(run, n), do: elem(:timer.tc(fn -> run.(n) end), 0)

  defp memory(condition, servers) do
    before = :erlang.memory(:processes)
    pids = for _ <- 1..servers, do: start()

    case condition do
      "idle" -> :ok
      "live" -> Enum.each(pids, fn pid -> "John" = GenServer.call(pid, {:get, "name"}) end)
      "hibernated" -> Enum.each(pids, fn pid -> :ok = GenServer.call(pid, :sleep) end)
    end

    Process.sleep(500)
    bytes = (:erlang.memory(:processes) - before) / servers
    IO.puts(~s({"samples": [#{:erlang.float_to_binary(bytes, decimals: 1)}], "operations": #{length(pids)}}))
  end
end

Bench.main(System.argv())
