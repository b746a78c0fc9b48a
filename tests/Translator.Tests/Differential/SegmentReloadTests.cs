using System.Globalization;
using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Differential;

/// <summary>DS and ES get what they have already, which translated code passes over; unless the descriptor has become another one.</summary>
public sealed unsafe class SegmentReloadTests
{
    private const int UserDs = 15;
    private const ushort UserDsSelector = 0x7B;
    private const ulong FlatUserData = 0x00CFF300_0000FFFF;
    private const ulong FlatKernelData = 0x00CFB300_0000FFFF;

    public static TheoryData<ulong, int> Descriptors => new()
    {
        { FlatUserData, 0x7B },
        { FlatUserData & ~(1ul << 40), 0x7B },
        { FlatUserData & ~(1ul << 47), 0x7B },
        { FlatUserData & ~(1ul << 44), 0x7B },
        { FlatUserData & ~0xFFul, 0x7B },
        { FlatUserData | (0x1000ul << 16), 0x7B },
        { FlatUserData | (1ul << 42), 0x7B },
        { FlatUserData | (1ul << 52), 0x7B },
        { FlatUserData ^ (2ul << 40), 0x7B },
        { FlatKernelData, 0x7B },
        { 0, 0x7B },
        { FlatUserData, 0x78 },
        { FlatUserData, 0x79 },
        { FlatUserData, 0x7F },
        { FlatUserData, 0x17B },
        { FlatUserData, 0x69 },
        { FlatUserData, 0 },
    };

    [Theory]
    [MemberData(nameof(Descriptors))]
    public void Loaded_again_it_is_what_an_interpreter_makes_of_it(ulong descriptor, int selector)
    {
        string expected = Play(static machine => new InterpreterEngine(machine), descriptor, selector);
        Assert.Equal(expected, Play(static machine => new TieredEngine(machine, 0), descriptor, selector));
    }

    private static string Play(Func<GuestMachine, IExecutionEngine> engine, ulong descriptor, int selector)
    {
        using var rig = new Rig(engine);
        rig.Write(Rig.Code, Loads());
        rig.Cpu->Gdt[UserDs] = FlatUserData;
        string story = "";
        for (int i = 0; i < 3; i++)
        {
            // Loaded as usual, then once more.
            rig.Begin(Rig.Code);
            rig.Cpu->Gpr[Reg.Ecx] = UserDsSelector;
            rig.Cpu->Gpr[Reg.Edx] = UserDsSelector;
            story += Told(rig);
            rig.Cpu->Gdt[UserDs] = descriptor;
            rig.Cpu->Eip = Rig.Code;
            rig.Cpu->Gpr[Reg.Edx] = (uint)selector;
            story += Told(rig);
            rig.Cpu->Gdt[UserDs] = FlatUserData;
        }

        return rig.Engine is TieredEngine { Failure: { } failure } ? failure.ToString() : story;
    }

    private static string Told(Rig rig)
    {
        string text = rig.State(rig.Run());
        foreach (int number in new[] { Seg.Ds, Seg.Es })
        {
            SegmentRegister* segment = GuestCpu.Segment(rig.Cpu, number);
            text += string.Create(CultureInfo.InvariantCulture, $" {segment->Selector:X}:{segment->Base:X}:{segment->Limit:X}:{segment->Attributes:X}");
        }

        return text + $" {rig.Cpu->Mode}\n";
    }

    private static byte[] Loads()
    {
        var c = new Assembler(32);
        c.mov(ds, cx);
        c.push(edx);
        c.pop(es);
        c.inc(eax);
        c.mov(ds, dx);
        c.mov(ebx, ds);
        c.int3();
        using var stream = new MemoryStream();
        c.Assemble(new StreamCodeWriter(stream), Rig.Code);
        return stream.ToArray();
    }
}
