using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Tiering;

/// <summary>The same code at the same address is another block when its segments are no longer flat, however it is reached.</summary>
public sealed unsafe class SegmentModeTests
{
    private const uint Data = 0x100000;
    private const uint Base = 0x1000;

    /// <summary>Entry 14, ring 1: writable data at <see cref="Base"/>, 4 GiB.</summary>
    private const uint BasedData = 0x71;

    [Theory]
    [InlineData(null)]
    [InlineData(0u)]
    public void A_function_called_through_a_register_reads_where_DS_says(uint? threshold)
    {
        using var rig = new Rig(machine => threshold is { } rounds ? new TieredEngine(machine, rounds, waits: true) : new InterpreterEngine(machine));
        rig.Cpu->Gdt[BasedData >> 3] = 0x00CFB300_0000FFFF | ((ulong)Base << 16);
        rig.Write(Data, BitConverter.GetBytes(0x001));
        rig.Write(Data + Base, BitConverter.GetBytes(0x100));
        rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, static b =>
        {
            CodeLabel function = b.NewLabel();
            b.Asm.mov(edx, b.AddressOf(function));
            b.Asm.call(edx);
            b.Asm.call(edx);
            b.Asm.mov(eax, BasedData);
            b.Asm.mov(ds, eax);
            b.Asm.call(edx);
            b.Asm.call(edx);
            b.Asm.int3();
            b.Mark(function);
            b.Asm.add(ebx, __dword_ptr[Data]);
            b.Asm.ret();
        }));
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        Assert.Equal(0x202u, rig.Cpu->Gpr[Reg.Ebx]);
    }
}
