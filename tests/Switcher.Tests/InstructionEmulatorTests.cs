using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Switcher.Tests.Rigs;

namespace Lguest.Jit.Switcher.Tests;

public sealed unsafe class InstructionEmulatorTests
{
    private const uint Eax = 0xAABBCCDD;
    private const uint Handler = 0x00105678;

    [Theory]
    [InlineData("E4 F4", 0xF4, 1, 0xAABBCC21u)]
    [InlineData("E5 F4", 0xF4, 4, 0x87654321u)]
    [InlineData("66 E5 F4", 0xF4, 2, 0xAABB4321u)]
    [InlineData("66 E4 F4", 0xF4, 1, 0xAABBCC21u)]
    [InlineData("EC", 0xCFC, 1, 0xAABBCC21u)]
    [InlineData("ED", 0xCFC, 4, 0x87654321u)]
    [InlineData("66 ED", 0xCFC, 2, 0xAABB4321u)]
    [InlineData("66 EC", 0xCFC, 1, 0xAABBCC21u)]
    public void In_reads_the_port_into_as_much_of_eax_as_it_names(string code, int port, int size, uint eax)
    {
        using Rig rig = WithCode(code);
        rig.Run(Rig.Fault(13));
        Assert.Null(rig.Machine.KillReason);
        Assert.Equal([(false, (ushort)port, size, rig.Ports.Answer)], rig.Ports.Accesses);
        Assert.Equal(eax, rig.Cpu->Gpr[Reg.Eax]);
        AssertCompleted(rig, code);
    }

    [Theory]
    [InlineData("E6 80", 0x80, 1, 0xDDu)]
    [InlineData("E7 80", 0x80, 4, 0xAABBCCDDu)]
    [InlineData("66 E7 80", 0x80, 2, 0xCCDDu)]
    [InlineData("66 E6 80", 0x80, 1, 0xDDu)]
    [InlineData("EE", 0xCFC, 1, 0xDDu)]
    [InlineData("EF", 0xCFC, 4, 0xAABBCCDDu)]
    [InlineData("66 EF", 0xCFC, 2, 0xCCDDu)]
    [InlineData("66 EE", 0xCFC, 1, 0xDDu)]
    public void Out_writes_as_much_of_eax_as_it_names(string code, int port, int size, uint value)
    {
        using Rig rig = WithCode(code);
        rig.Run(Rig.Fault(13));
        Assert.Equal([(true, (ushort)port, size, value)], rig.Ports.Accesses);
        Assert.Equal(Eax, rig.Cpu->Gpr[Reg.Eax]);
        AssertCompleted(rig, code);
    }

    [Fact]
    public void Cli_is_skipped()
    {
        using Rig rig = WithCode("FA");
        rig.Run(Rig.Fault(13));
        Assert.Empty(rig.Ports.Accesses);
        AssertCompleted(rig, "FA");
    }

    [Theory]
    [InlineData("FB")]
    [InlineData("66 FA")]
    [InlineData("F4")]
    [InlineData("0F 30")]
    [InlineData("6C")]
    [InlineData("6F")]
    [InlineData("F3 6E")]
    [InlineData("66 66 ED")]
    [InlineData("F3 EC")]
    [InlineData("E8 00 00 00 00")]
    [InlineData("F5")]
    public void Everything_else_goes_back_to_the_guest_with_error_code_0(string code)
    {
        using Rig rig = WithCode(code);
        rig.LoadGate(13, Handler);
        rig.Run(Rig.Fault(13));
        Assert.Empty(rig.Ports.Accesses);
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal([0, Rig.Code, 0x61, 0x10002], rig.Stack(4));
        Assert.Equal(0, rig.Cpu->Retired);
    }

    [Theory]
    [InlineData("EE")]
    [InlineData("FA")]
    public void Ring_3_gets_its_fault_whatever_it_tried(string code)
    {
        using Rig rig = WithCode(code).WithKernelStack().InUserMode(Rig.Code);
        rig.LoadGate(13, Handler);
        rig.Run(Rig.Fault(13));
        Assert.Empty(rig.Ports.Accesses);
        Assert.Equal([0, Rig.Code, 0x73], rig.Stack(3));
    }

    [Fact]
    public void A_general_protection_fault_with_an_error_code_is_the_guests()
    {
        using Rig rig = WithCode("EE");
        rig.LoadGate(13, Handler);
        rig.Run(Rig.Fault(13, 0x58));
        Assert.Empty(rig.Ports.Accesses);
        Assert.Equal([0x58, Rig.Code], rig.Stack(2));
    }

    [Theory]
    [InlineData("0F 20 E0", Reg.Eax, 0u)]
    [InlineData("0F 20 E7", Reg.Edi, 0u)]
    [InlineData("0F 20 C0", Reg.Eax, 0x11u)]
    [InlineData("0F 20 C2", Reg.Edx, 0x11u)]
    public void Mov_from_cr4_or_cr0_reads_something_until_the_guest_has_a_gate_for_its_fault(string code, int register, uint value)
    {
        using Rig rig = WithCode(code);
        rig.Cpu->Gpr[register] = Eax;
        rig.Run(Rig.Fault(13));
        Assert.Equal(value, rig.Cpu->Gpr[register]);
        AssertCompleted(rig, code);

        rig.Cpu->Eip = Rig.Code;
        rig.Cpu->Gpr[register] = Eax;
        rig.LoadGate(13, Handler);
        rig.Run(Rig.Fault(13));
        Assert.Equal(Eax, rig.Cpu->Gpr[register]);
        Assert.Equal([0, Rig.Code], rig.Stack(2));
    }

    [Theory]
    [InlineData("0F 20 D0")]
    [InlineData("0F 20 D8")]
    [InlineData("0F 22 E0")]
    public void Other_control_registers_are_not_emulated(string code)
    {
        using Rig rig = WithCode(code);
        rig.Run(Rig.Fault(13));
        Assert.Equal("unhandled trap 13 at 0x100000 (0)", rig.Machine.KillReason);
    }

    [Fact]
    public void Works_before_init_and_dies_as_lguest_does_where_it_does_not()
    {
        using var rig = new Rig();
        Assert.True(rig.Machine.Ram.TryWrite(Rig.Code, [0xEE, 0xFB]));
        rig.Run(Rig.Fault(13), Rig.Fault(13));
        Assert.Single(rig.Ports.Accesses);
        Assert.Equal("unhandled trap 13 at 0x100001 (0)", rig.Machine.KillReason);
    }

    [Fact]
    public void Fetches_through_the_guests_page_tables_and_across_pages()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.Map(0x00050000, 0x00070003);
        rig.Map(0x00051000, 0x00090003);
        Assert.True(rig.Machine.Ram.TryWrite(0x00070FFF, [0xE6]));
        Assert.True(rig.Machine.Ram.TryWrite(0x00090000, [0x42]));
        rig.Cpu->Eip = 0x00050FFF;
        rig.Run(Rig.Fault(13));
        Assert.Equal(0x42, Assert.Single(rig.Ports.Accesses).Port);
        Assert.Equal(0x00051001u, rig.Cpu->Eip);
    }

    [Fact]
    public void Looks_at_no_byte_beyond_the_instruction()
    {
        using Rig rig = new Rig().Initialised().TurnPagingOn();
        rig.Map(0x00050000, 0x00070003);
        rig.Map(0x00051000, 0xF0000003);
        Assert.True(rig.Machine.Ram.TryWrite(0x00070FFF, [0xEE]));
        rig.Cpu->Eip = 0x00050FFF;
        rig.Run(Rig.Fault(13));
        Assert.Null(rig.Machine.KillReason);
        Assert.Single(rig.Ports.Accesses);
        Assert.Equal(0xF0000003u, rig[Rig.PageTable + 4 * 0x51]);
    }

    [Fact]
    public void In_16_bit_code_the_prefix_means_32()
    {
        using Rig rig = WithCode("66 EF");
        Segments.SetHidden(rig.Cpu, Seg.Cs, 0xA1, 0x0000BB00_0000FFFF | (0xF0000UL << 32));
        GuestCpu.Segment(rig.Cpu, Seg.Cs)->Limit = uint.MaxValue;
        rig.Run(Rig.Fault(13));
        Assert.Equal(4, Assert.Single(rig.Ports.Accesses).Size);
    }

    [Fact]
    public void A_device_may_raise_its_line_from_inside_the_access_and_it_arrives_right_after()
    {
        using Rig rig = WithCode("EE");
        rig.IrqEnabled = 0x200;
        rig.LoadGate(32 + 3, Handler);
        rig.Ports.Device = () => rig.Interrupts.SetInterrupt(3);
        rig.Run(Rig.Fault(13));
        Assert.Equal(Handler, rig.Cpu->Eip);
        Assert.Equal(Rig.Code + 1, rig.Stack(1)[0]);
    }

    private static Rig WithCode(string code)
    {
        Rig rig = new Rig().Initialised();
        Assert.True(rig.Machine.Ram.TryWrite(Rig.Code, Convert.FromHexString(code.Replace(" ", "", StringComparison.Ordinal))));
        rig.Cpu->Gpr[Reg.Eax] = Eax;
        rig.Cpu->Gpr[Reg.Edx] = 0xFFFF0CFC;
        return rig;
    }

    private static void AssertCompleted(Rig rig, string code)
    {
        Assert.Equal(Rig.Code + (uint)code.Split(' ').Length, rig.Cpu->Eip);
        Assert.Equal(1, rig.Cpu->Retired);
        Assert.Equal(0x202u, rig.Eflags);
    }
}
