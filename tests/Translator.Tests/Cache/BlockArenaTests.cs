using System.Buffers.Binary;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>
/// A Debian that boots decodes two million blocks: each program stands at addresses of its own. The kernel's blocks, and what has been
/// compiled from them, have to outlive that.
/// </summary>
public sealed unsafe class BlockArenaTests
{
    /// <summary>More blocks than fit.</summary>
    private const int Programs = 300_000;

    private const int BlockLength = 10;
    private const uint UserCode = 0x100000;

    [Fact]
    public void Blocks_of_programs_that_fill_their_arena_leave_those_of_the_kernel_alone()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, threshold: 100, waits: true), ramSize: 8u << 20);
        var engine = (TieredEngine)rig.Engine;
        rig.Write(Rig.Code, Loop(3));
        rig.Write(UserCode, Chain());
        Assert.Equal(3u * 1000, RunKernel(rig));
        long regions = engine.Regions.Installed;
        Assert.NotEqual(0, regions);

        long sum = Enumerable.Range(0, Programs).Sum(static i => (long)i);
        for (int round = 1; round <= 2; round++)
        {
            Assert.Equal((uint)sum, RunUser(rig));
            Assert.True(engine.Blocks.Resets >= round, $"{engine.Blocks.Resets} times emptied");
            Assert.Equal(regions, engine.Regions.Count);
            Assert.Equal(3u * 1000, RunKernel(rig));
        }

        Assert.Equal(regions, engine.Regions.Installed);

        // Both are still watched: what is written to code counts.
        rig.Write(Rig.Code, Loop(5));
        Assert.Equal(5u * 1000, RunKernel(rig));
        rig.Write(UserCode + (uint)((Programs - 1) * BlockLength) + 1, BitConverter.GetBytes(7));
        Assert.Equal((uint)(sum - (Programs - 1) + 7), RunUser(rig));
    }

    private static uint RunKernel(Rig rig)
    {
        rig.Cpu->Cpl = 1;
        rig.Begin(Rig.Code);
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        return rig.Cpu->Gpr[Reg.Eax];
    }

    private static uint RunUser(Rig rig)
    {
        rig.Begin(UserCode);
        Segments.SetHidden(rig.Cpu, Seg.Cs, 0x73, 0x00CFFB000000FFFF);
        Segments.SetHidden(rig.Cpu, Seg.Ss, 0x7B, 0x00CFF3000000FFFF);
        rig.Cpu->Cpl = 3;
        Segments.UpdateMode(rig.Cpu);
        rig.Machine.Mmu.Activate(rig.Cpu);
        Assert.True((rig.Cpu->Mode & CpuMode.User) != 0);
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        return rig.Cpu->Gpr[Reg.Eax];
    }

    /// <summary>A thousand times: add something to eax; then INT3.</summary>
    private static byte[] Loop(byte value) =>
    [
        0xB9, 0xE8, 0x03, 0, 0,  // mov ecx, 1000
        0x83, 0xC0, value,       // add eax, value
        0x49,                    // dec ecx
        0x75, 0xFA,              // jnz to the add
        0xCC,
    ];

    /// <summary>Blocks that each add their number to eax and jump to the next; then INT3.</summary>
    private static byte[] Chain()
    {
        byte[] code = new byte[(Programs * BlockLength) + 1];
        for (int i = 0; i < Programs; i++)
        {
            Span<byte> block = code.AsSpan(i * BlockLength);
            block[0] = 0x05; // add eax, imm32
            BinaryPrimitives.WriteInt32LittleEndian(block[1..], i);
            block[5] = 0xE9; // jmp rel32
        }

        code[^1] = 0xCC;
        return code;
    }
}
