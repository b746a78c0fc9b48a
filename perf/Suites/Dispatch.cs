using BenchmarkDotNet.Attributes;
using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>Into the engine and out of it again, once, for each of the reasons there are.</summary>
public unsafe class Dispatch
{
    private BenchGuest? _guest;

    [Params(EngineKind.Interpreter, EngineKind.Jit)]
    public EngineKind Engine { get; set; }

    [GlobalSetup(Target = nameof(Budget))]
    public void SetUpBudget() => Load(static c => c.add(eax, ebx));

    [GlobalSetup(Target = nameof(Attention))]
    public void SetUpAttention() => Load(static c => c.add(eax, ebx));

    [GlobalSetup(Target = nameof(SoftwareInterrupt))]
    public void SetUpSoftwareInterrupt() => Load(static c => c.@int(0x80));

    [GlobalSetup(Target = nameof(PageFault))]
    public void SetUpPageFault() => Load(static c => c.mov(eax, __dword_ptr[0x40000000]));

    [GlobalCleanup]
    public void CleanUp() => _guest?.Dispose();

    /// <summary>A block of two instructions, and the budget is gone.</summary>
    [Benchmark]
    public void Budget() => Expect(_guest!.Engine.Run(_guest.Cpu, 2), ExitReason.Budget);

    /// <summary>Out at once, since somebody wants the Switcher.</summary>
    [Benchmark]
    public void Attention()
    {
        _guest!.Cpu->Attention = 1;
        Expect(_guest.Engine.Run(_guest.Cpu, 1_000_000), ExitReason.Attention);
        _guest.Cpu->Attention = 0;
        Expect(_guest.Engine.Run(_guest.Cpu, 2), ExitReason.Budget);
    }

    /// <summary>A system call's way out, and on behind it: a jump and the interrupt.</summary>
    [Benchmark]
    public void SoftwareInterrupt()
    {
        Expect(_guest!.Engine.Run(_guest.Cpu, 1_000_000), ExitReason.SoftwareInterrupt);
        _guest.Cpu->Eip += _guest.Cpu->TrapLength;
    }

    /// <summary>A page that is not there; on behind the instruction.</summary>
    [Benchmark]
    public void PageFault()
    {
        Expect(_guest!.Engine.Run(_guest.Cpu, 1_000_000), ExitReason.Fault);
        _guest.Cpu->Eip += 5;
    }

    private static void Expect(ExitReason reason, ExitReason expected)
    {
        if (reason != expected)
        {
            throw new InvalidOperationException($"The engine left with {reason} instead of {expected}.");
        }
    }

    private void Load(Action<Assembler> first)
    {
        _guest = new BenchGuest(Engine);
        _guest.Place(new GuestLoop(1, b =>
        {
            CodeLabel start = b.Here();
            first(b.Asm);
            b.Asm.jmp(start.Value);
            return start;
        }));
    }
}
