using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Core.Tests.Silicon;

namespace Lguest.Jit.Translator.Tests.Rigs;

/// <summary>A bare machine with one engine: no Switcher, so what an exit says is seen as it is.</summary>
internal sealed unsafe class Rig : IDisposable
{
    public const uint RamSize = 4u << 20;
    public const uint Code = 0x10000;
    public const uint StackTop = 0x9000;

    public Rig(Func<GuestMachine, IExecutionEngine> engine, uint ramSize = RamSize)
    {
        Machine = new GuestMachine(ramSize, new StoppedClock());
        Engine = engine(Machine);
        Begin(Code);
    }

    public GuestMachine Machine { get; }

    public IExecutionEngine Engine { get; }

    public GuestCpu* Cpu => Machine.Cpu;

    /// <summary>Puts bytes into RAM as a device does.</summary>
    public void Write(uint physical, ReadOnlySpan<byte> bytes) => Assert.True(Machine.Ram.TryWrite(physical, bytes));

    /// <summary>Registers and flags cleared, a stack, and eip.</summary>
    public void Begin(uint eip)
    {
        for (int i = 0; i < 8; i++)
        {
            Cpu->Gpr[i] = 0;
        }

        Cpu->Gpr[Reg.Esp] = StackTop;
        LazyFlags.Set(Cpu, 0);
        Cpu->SystemFlags = Eflags.Fixed | Eflags.Interrupt;
        Cpu->Eip = eip;
        Cpu->FaultVector = -1;
        Cpu->FaultErrorCode = 0;
        Cpu->FaultAddress = 0;
        Segments.LoadFlatKernel(Cpu);
        Machine.Mmu.Activate(Cpu);
    }

    public ExitReason Run(long budget = 1_000_000_000) => Engine.Run(Cpu, budget);

    /// <summary>Everything architectural, as text: what two engines have to agree on.</summary>
    public string State(ExitReason reason)
    {
        var text = new StringBuilder();
        for (int i = 0; i < 8; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"r{i}={Cpu->Gpr[i]:X8} ");
        }

        text.Append(CultureInfo.InvariantCulture, $"flags={LazyFlags.Read(Cpu):X} eip={Cpu->Eip:X8} retired={Machine.Retired} {reason}");
        if (reason is ExitReason.Fault or ExitReason.SoftwareInterrupt)
        {
            text.Append(CultureInfo.InvariantCulture, $" vector={Cpu->FaultVector} error={Cpu->FaultErrorCode:X} address={Cpu->FaultAddress:X8}");
        }

        return text.ToString();
    }

    /// <summary>A digest of memory.</summary>
    public string Memory(uint physical, uint length) => Convert.ToHexString(SHA256.HashData(Machine.Ram.Window(physical, length)));

    public void Dispose()
    {
        Engine.Dispose();
        Machine.Dispose();
    }
}
