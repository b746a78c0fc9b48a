using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.SelfModifying;

/// <summary>A disk's data arrives in RAM while the Guest runs, and is announced when all of it is there.</summary>
public sealed unsafe class DeviceWriteTests
{
    /// <summary>add eax, 1; dec ecx; jnz −6; int3.</summary>
    private static readonly byte[] s_code = [0x83, 0xC0, 0x01, 0x49, 0x75, 0xFA, 0xCC];

    [Theory]
    [InlineData(0x02, 2000u, 2000u)]
    [InlineData(0x02, 2000u, 3000u)]
    public void Code_that_a_device_is_writing_is_not_translated_before_the_write_is_announced(byte operand, uint rounds, uint more)
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 20, waits: true));
        rig.Write(Rig.Code, s_code);
        rig.Begin(Rig.Code);
        rig.Cpu->Gpr[Reg.Ecx] = rounds + more;

        // Decoded, not hot yet. Then another byte is there, and nobody knows.
        _ = rig.Run(9);
        rig.Machine.Ram.Base[Rig.Code + 2] = operand;
        _ = rig.Run(3 * (long)rounds - 9);
        Assert.Equal(rounds, rig.Cpu->Gpr[Reg.Eax]);
        rig.Machine.Ram.AnnounceWrite(Rig.Code + 2, 1);
        _ = rig.Run();
        Assert.Equal(rounds + operand * more, rig.Cpu->Gpr[Reg.Eax]);
        Assert.Null(((TieredEngine)rig.Engine).Failure);
    }
}
