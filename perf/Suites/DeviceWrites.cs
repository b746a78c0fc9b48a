using BenchmarkDotNet.Attributes;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>A device writes into Guest RAM, and the Guest then runs a block of two instructions: once each.</summary>
public class DeviceWrites
{
    private readonly GuestLoop _loop = new(1, static b =>
    {
        CodeLabel start = b.Here();
        b.Asm.mov(eax, 0x12345678);
        b.Asm.jmp(start.Value);
        return start;
    });

    private BenchGuest? _guest;
    private uint _value;

    [Params(EngineKind.Interpreter, EngineKind.Jit)]
    public EngineKind Engine { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _guest = new BenchGuest(Engine);
        _guest.Load(_loop);
    }

    [GlobalCleanup]
    public void CleanUp() => _guest?.Dispose();

    [Benchmark]
    public void IntoThatBlock() => WriteAndRun(ProgramLayout.Code + 1);

    [Benchmark]
    public void IntoItsPage() => WriteAndRun(ProgramLayout.Code + 1024);

    [Benchmark(Baseline = true)]
    public void IntoData() => WriteAndRun(ProgramLayout.Data);

    private void WriteAndRun(uint physical)
    {
        _guest!.Write32(physical, ++_value);
        _guest.RunTurns(1);
    }
}
