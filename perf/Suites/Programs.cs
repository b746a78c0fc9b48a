using BenchmarkDotNet.Attributes;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Guests.Harness;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Translator;

namespace Lguest.Jit.Perf.Suites;

/// <summary>Each benchmark program from start to power-off: a run of some twenty million instructions, translation included.</summary>
public class Programs
{
    private const long Instructions = 20_000_000;

    private GuestProgram _program = GuestPrograms.All[0];
    private int _iterations;
    private uint _expected;

    [ParamsSource(nameof(Names))]
    public string Program { get; set; } = "";

    [Params(EngineKind.Interpreter, EngineKind.Jit)]
    public EngineKind Engine { get; set; }

    public static IEnumerable<string> Names => GuestPrograms.All.Select(static program => program.Name);

    [GlobalSetup]
    public void SetUp()
    {
        _program = GuestPrograms.Named(Program);
        _iterations = (int)Math.Max(1, Instructions / _program.InstructionsPerIteration);
        _expected = _program.Checksum(_iterations);
    }

    /// <returns>Guest instructions executed, so that nothing can be optimised away.</returns>
    [Benchmark]
    public long Run()
    {
        ProgramRun run = ProgramRun.Of(
            _program, _iterations, paging: true, machine => Engine == EngineKind.Jit ? new TieredEngine(machine) : new InterpreterEngine(machine));
        return run.Checksum == _expected ? run.Instructions : throw new InvalidOperationException($"{Program} came to a wrong result.");
    }
}
