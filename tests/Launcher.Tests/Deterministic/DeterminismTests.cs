using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Tests.Compare;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Launcher.Virtio;
using Lguest.Jit.Switcher;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Launcher.Tests.Deterministic;

/// <summary>The same Guest is the same to the last bit, whatever executes it and wherever it is stopped on the way.</summary>
public sealed class DeterminismTests
{
    private static readonly LoopGuest s_loop = new();

    private static readonly Lazy<GuestDigest> s_tour = new(static () => RunToEnd(Engine("interpreter"), tour: true, tracked: false, direct: false));
    private static readonly Lazy<GuestDigest> s_looped = new(static () => RunToEnd(Engine("interpreter"), tour: false, tracked: false, direct: false));

    [Theory]
    [InlineData("interpreter", true)]
    [InlineData("single", true)]
    [InlineData("jit 0", true)]
    [InlineData("jit 20", true)]
    [InlineData("jit 20 waits", true)]
    [InlineData("interpreter", false)]
    [InlineData("single", false)]
    [InlineData("jit 0", false)]
    [InlineData("jit 20", false)]
    [InlineData("jit 20 waits", false)]
    public void Every_engine_comes_to_the_same_hash(string engine, bool tour)
    {
        GuestDigest expected = tour ? s_tour.Value : s_looped.Value;
        Assert.Equal(expected, RunToEnd(Engine(engine), tour, tracked: true, direct: true));
        Assert.Equal(expected, RunToEnd(Engine(engine), tour, tracked: false, direct: false));
    }

    [Theory]
    [InlineData("interpreter", true, 9973)]
    [InlineData("jit 0", true, 9973)]
    [InlineData("jit 20", false, 997)]
    [InlineData("interpreter", false, 1024)]
    [InlineData("interpreter", false, 13)]
    public void Stopping_on_the_way_changes_nothing_and_the_hash_kept_is_the_hash_of_all_memory(string engine, bool tour, int step)
    {
        using DeterministicGuest guest = Make(Engine(engine), tour, tracked: true);
        long next = 0;
        int checkpoint = 0;
        do
        {
            next += step;
            GuestDigest digest = guest.Digest();
            if (checkpoint++ % 64 == 0)
            {
                Assert.Equal(PageHash.OfAll(guest.Machine.Ram), digest.Memory);
            }
        }
        while (guest.RunUntil(next) is null);

        Assert.Equal(GuestEndKind.PoweredOff, guest.End!.Kind);
        GuestDigest last = guest.Digest();
        Assert.Equal(PageHash.OfAll(guest.Machine.Ram), last.Memory);
        Assert.Equal(tour ? s_tour.Value : s_looped.Value, last);
    }

    [Theory]
    [InlineData("interpreter", true)]
    [InlineData("jit 0", true)]
    [InlineData("jit 20 waits", false)]
    [InlineData("jit 20", true)]
    public void A_Guest_taken_back_lives_the_same_life_again(string engine, bool tour)
    {
        using DeterministicGuest guest = Make(Engine(engine), tour, tracked: true);
        GuestDigest expected = tour ? s_tour.Value : s_looped.Value;
        var random = new Random(4711);
        int stride = (int)(expected.Instructions / (engine == "jit 0" ? 2 : 5));
        for (long anchor = 0; anchor < expected.Instructions; anchor += random.Next(1, stride))
        {
            Assert.Null(guest.RunUntil(anchor));
            GuestDigest there = guest.Digest();
            guest.Anchor();
            long further = anchor + random.Next(1, 50_000);
            _ = guest.RunUntil(further);
            GuestDigest first = guest.Digest();
            for (int again = 0; again < 2; again++)
            {
                guest.Rollback();
                Assert.Equal(there, guest.Digest());
                Assert.Equal(PageHash.OfAll(guest.Machine.Ram), there.Memory);
                _ = guest.RunUntil(further);
                Assert.Equal(first, guest.Digest());
            }

            // And to the end, and back from there.
            _ = guest.RunUntil(long.MaxValue);
            Assert.Equal(expected, guest.Digest());
            guest.Rollback();
            Assert.Equal(there, guest.Digest());
        }
    }

    [Fact]
    public void A_halted_Guest_that_nothing_will_wake_ends()
    {
        using var guest = new DeterministicGuest(Setup(Engine("interpreter"), static ram => new Support.TinyGuest().Initialise().Hypercall(10, 0, 0, 0).Load(ram)));
        Assert.Equal(GuestEndKind.Idle, guest.RunUntil(long.MaxValue)!.Kind);
    }

    [Fact]
    public void The_rate_says_how_much_time_an_instruction_takes()
    {
        GuestDigest slow = RunToEnd(Engine("interpreter"), tour: false, tracked: false, khz: 1_000);
        GuestDigest fast = RunToEnd(Engine("interpreter"), tour: false, tracked: false, khz: 4_000_000);
        Assert.NotEqual(slow.Memory, fast.Memory);
        Assert.NotEqual(slow.Instructions, fast.Instructions);
    }

    internal static Func<GuestMachine, IExecutionEngine> Engine(string name) => name switch
    {
        "interpreter" => static machine => new InterpreterEngine(machine),
        "single" => static machine => new InterpreterEngine(machine, blockLimit: 1),
        "jit 0" => static machine => new TieredEngine(machine, 0),
        "jit 20" => static machine => new TieredEngine(machine, 20),
        "jit 20 waits" => static machine => new TieredEngine(machine, 20, waits: true),
        _ => throw new ArgumentException(name),
    };

    private static GuestDigest RunToEnd(Func<GuestMachine, IExecutionEngine> engine, bool tour, bool tracked, uint khz = 1_000_000, bool direct = true)
    {
        using DeterministicGuest guest = Make(engine, tour, tracked, khz, direct);
        Assert.Equal(GuestEndKind.PoweredOff, guest.RunUntil(long.MaxValue)!.Kind);
        return guest.Digest();
    }

    private static DeterministicGuest Make(Func<GuestMachine, IExecutionEngine> engine, bool tour, bool tracked, uint khz = 1_000_000, bool direct = true) =>
        new(Setup(engine, tour ? TourGuest.Load : s_loop.Load, direct) with { Tracked = tracked, Khz = khz });

    private static DeterministicSetup Setup(Func<GuestMachine, IExecutionEngine> engine, Func<GuestRam, LoadedKernel> load, bool direct = true) => new()
    {
        Memory = 16 << 20,
        CreateEngine = engine,
        Load = load,
        Options = new GuestOptions { MaxInstructions = 100_000_000, DirectTraps = direct },
        Output = new HashingSink(null),
        Input = new ScriptedInput(InputScript.Empty),
        Log = new DeviceLog(TextWriter.Null),
    };
}
