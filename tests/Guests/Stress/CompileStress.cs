using System.Diagnostics;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Guests.Generating;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Guests.Rewriting;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Guests.Stress;

/// <summary>
/// Background compilation while other threads allocate as fast as they can and force collections of every kind: the hazard of
/// dotnet/runtime#131267, where methods compiled on one thread while another collected could corrupt the heap. Guests with known
/// results run one after the other, and every one has to come to its own.
/// </summary>
internal sealed class CompileStress
{
    private const uint Threshold = 20;
    private const long CodeCache = 1 << 20;

    private readonly Dictionary<string, long> _instructions = [];
    private bool _done;

    /// <summary>Guests run to their end.</summary>
    public int Guests { get; private set; }

    /// <summary>Regions that came into use.</summary>
    public long Regions { get; private set; }

    /// <summary>Regions that were dropped again, overwritten or evicted.</summary>
    public long Dropped { get; private set; }

    /// <summary>Collections of the oldest generation meanwhile.</summary>
    public int Collections { get; private set; }

    /// <summary>What was not as it had to be; empty if all went well.</summary>
    public List<string> Differences { get; } = [];

    /// <summary>
    /// Goes on for this long; what has been begun is ended. On a Host that has so much else to do that by then the compiler has come to nothing
    /// it goes on until it has, twenty times as long at most.
    /// </summary>
    public void Run(TimeSpan time)
    {
        int before = GC.CollectionCount(GC.MaxGeneration);
        Thread[] threads = [new(Collect), new(Allocate), new(Allocate)];
        foreach (Thread thread in threads)
        {
            thread.IsBackground = true;
            thread.Start();
        }

        try
        {
            long start = Stopwatch.GetTimestamp();
            bool IsOver(TimeSpan elapsed) => elapsed >= (Regions > 0 && GC.CollectionCount(GC.MaxGeneration) > before ? time : 20 * time);
            for (int round = 0; !IsOver(Stopwatch.GetElapsedTime(start)) && Differences.Count == 0; round++)
            {
                OneOf(round);
                Guests++;
            }
        }
        finally
        {
            Volatile.Write(ref _done, true);
            foreach (Thread thread in threads)
            {
                thread.Join();
            }
        }

        Collections = GC.CollectionCount(GC.MaxGeneration) - before;
    }

    private void OneOf(int round)
    {
        switch (round % 3)
        {
            case 0:
                RunProgram(GuestPrograms.All[round / 3 % GuestPrograms.All.Count]);
                break;
            case 1:
                using (var guest = new GeneratingGuest(20_000, 200, 4 << 20, static machine => new TieredEngine(machine, Threshold, CodeCache)))
                {
                    Expect("generated code", guest.Expected, guest.Run(), (TieredEngine)guest.Engine);
                }

                break;
            default:
                RewriteKind kind = Enum.GetValues<RewriteKind>()[round / 3 % Enum.GetValues<RewriteKind>().Length];
                using (var guest = new RewriteGuest(kind, 3000, 1 + round % 90, static machine => new TieredEngine(machine, Threshold, CodeCache)))
                {
                    Expect($"rewritten code ({kind})", guest.Expected, guest.Run().Sum, (TieredEngine)guest.Engine);
                }

                break;
        }
    }

    private void RunProgram(GuestProgram program)
    {
        if (!_instructions.TryGetValue(program.Name, out long instructions))
        {
            instructions = ProgramRun.Of(program, 1, paging: true, static machine => new InterpreterEngine(machine)).Instructions;
            _instructions.Add(program.Name, instructions);
        }

        TieredEngine? engine = null;
        ProgramRun run = ProgramRun.Of(program, 1, paging: true, machine => engine = new TieredEngine(machine, Threshold, CodeCache));
        Expect(program.Name, program.Checksum(1), run.Checksum ?? 0, engine!);
        if (run.Instructions != instructions)
        {
            Differences.Add($"{program.Name}: {run.Instructions} instructions instead of {instructions}");
        }
    }

    private void Expect(string what, uint expected, uint actual, TieredEngine engine)
    {
        Regions += engine.Regions.Installed;
        Dropped += engine.Regions.Cut + engine.Regions.Evicted;
        if (actual != expected)
        {
            Differences.Add($"{what}: {actual:x8} instead of {expected:x8}");
        }

        if (engine.Failure is { } failure)
        {
            Differences.Add($"{what}: the compiler threw {failure}");
        }
    }

    private void Collect()
    {
        for (int i = 0; !Volatile.Read(ref _done); i++)
        {
            GC.Collect(i % 4 == 0 ? 0 : GC.MaxGeneration, GCCollectionMode.Forced, blocking: i % 3 != 0, compacting: i % 5 == 1);
            if (i % 2 == 0)
            {
                GC.WaitForPendingFinalizers();
            }

            Thread.Sleep(1);
        }
    }

    /// <summary>Garbage of all sizes and ages, with references across generations.</summary>
    private void Allocate()
    {
        var random = new Random(1);
        object?[] kept = new object?[1024];
        while (!Volatile.Read(ref _done))
        {
            for (int i = 0; i < 1000; i++)
            {
                object? other = kept[random.Next(kept.Length)];
                kept[random.Next(kept.Length)] = random.Next(6) switch
                {
                    0 => new byte[random.Next(200)],
                    1 => new object?[] { other, null },
                    2 => (Func<object?>)(() => other),
                    3 => random.Next(100) == 0 ? new byte[100_000] : null,
                    4 => new string('x', random.Next(40)),
                    _ => new WeakReference(other),
                };
            }

            // Links would make one endless list of it.
            kept[random.Next(kept.Length)] = null;
            if (random.Next(50) == 0)
            {
                Array.Clear(kept);
            }

            Thread.Yield();
        }
    }
}
