using BenchmarkDotNet.Attributes;

namespace Lguest.Jit.Perf.Suites;

/// <summary>A suite of Guest loops, each on both engines. The figure is the time of one of the loop's operations.</summary>
public abstract class LoopSuite
{
    private const int Operations = 1 << 14;

    private BenchGuest? _guest;
    private long _turns;

    [ParamsSource(nameof(LoopNames))]
    public string Loop { get; set; } = "";

    [Params(EngineKind.Interpreter, EngineKind.Jit)]
    public EngineKind Engine { get; set; }

    public IEnumerable<string> LoopNames => Loops.Keys;

    internal abstract IReadOnlyDictionary<string, GuestLoop> Loops { get; }

    [GlobalSetup]
    public void SetUp()
    {
        GuestLoop loop = Loops[Loop];
        _guest = new BenchGuest(Engine);
        _guest.Load(loop);
        _turns = Operations / loop.Operations;
        if (_turns * loop.Operations != Operations)
        {
            throw new InvalidOperationException($"{Loop}: {loop.Operations} operations a turn do not divide {Operations}.");
        }
    }

    [GlobalCleanup]
    public void CleanUp() => _guest?.Dispose();

    [Benchmark(OperationsPerInvoke = Operations)]
    public long Run()
    {
        _guest!.RunTurns(_turns);
        return _guest.Machine.Retired;
    }
}
