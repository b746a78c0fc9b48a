using System.Text;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Virtio;

public sealed class VirtioConsoleTests : IDisposable
{
    private readonly ConsoleMachine _machine = new();
    private readonly FakeDriver _driver;

    public VirtioConsoleTests() => _driver = new FakeDriver(_machine);

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Negotiation_goes_as_the_ABI_sheet_has_seen_it()
    {
        _driver.Start();
        Assert.Equal("", _machine.Log);
        Assert.Equal(2u, _machine.Read(VirtioRegister.NumQueues, 2));
    }

    [Fact]
    public void Transmit_prints_and_returns_the_buffer_inside_the_notify()
    {
        _driver.Start();
        _driver.Print("hello, ");
        _driver.Print("world\n");
        Assert.Equal("hello, world\n", _machine.Sink.Text);
        Assert.Equal((0u, 0u), _driver.UsedElement(1, 1));
        Assert.Equal([1, 1], _machine.Interrupts.Raised);
    }

    [Fact]
    public void Transmit_chains_are_printed_in_order_and_rings_wrap()
    {
        _driver.Start();
        Encoding.ASCII.GetBytes("abcdef", _machine.Ram.Window(0x80000, 6));
        for (int i = 0; i < 600; i++)
        {
            _driver.Descriptor(1, 7, 0x80004, 2, FakeDriver.Next, 9);
            _driver.Descriptor(1, 9, 0x80000, 3, 0);
            _driver.Offer(1, 7);
            _driver.Notify(1);
        }

        Assert.Equal(string.Concat(Enumerable.Repeat("efabc", 600)), _machine.Sink.Text);
        Assert.Equal(600, _driver.UsedIndex(1));
        Assert.Equal((7u, 0u), _driver.UsedElement(1, 599 % 256));
    }

    [Fact]
    public void Several_buffers_in_one_notify_make_one_interrupt()
    {
        _driver.Start();
        for (ushort i = 0; i < 5; i++)
        {
            _machine.Ram.Window(0x80000u + i, 1)[0] = (byte)('0' + i);
            _driver.Descriptor(1, i, 0x80000u + i, 1, 0);
            _driver.Offer(1, i);
        }

        _driver.Notify(1);
        Assert.Equal("01234", _machine.Sink.Text);
        Assert.Single(_machine.Interrupts.Raised);
    }

    [Fact]
    public void No_interrupt_for_a_driver_that_does_not_want_one()
    {
        _driver.Start();
        _machine.Put(FakeDriver.Available(1), 1);
        _driver.Print("x");
        Assert.Empty(_machine.Interrupts.Raised);
        Assert.Equal(0u, _machine.Read(VirtioRegister.Isr, 1));
        _machine.Put(FakeDriver.Available(1), 0);
        _driver.Print("y");
        Assert.Single(_machine.Interrupts.Raised);
    }

    [Fact]
    public void Reading_isr_acknowledges()
    {
        _driver.Start();
        _driver.Print("x");
        Assert.Equal(1u, _machine.Read(VirtioRegister.Isr, 1));
        Assert.Equal(0u, _machine.Read(VirtioRegister.Isr, 1));
    }

    [Fact]
    public void Typed_bytes_fill_one_buffer_then_interrupt()
    {
        _driver.Start();
        for (ushort i = 0; i < 4; i++)
        {
            _driver.Descriptor(0, i, 0x90000u + i * 0x1000u, 0x1000, FakeDriver.Write);
            _driver.Offer(0, i);
            _driver.Notify(0);
        }

        Assert.Equal(0, _driver.UsedIndex(0));
        _machine.Type("ls -l\n");
        Assert.Equal(1, _driver.UsedIndex(0));
        Assert.Equal((0u, 6u), _driver.UsedElement(0, 0));
        Assert.Equal("ls -l\n", Encoding.ASCII.GetString(_machine.Ram.Window(0x90000, 6)));
        Assert.Equal([1], _machine.Interrupts.Raised);
        Assert.Equal(1u, _machine.Read(VirtioRegister.Isr, 1));
        _machine.Type("pwd\n");
        Assert.Equal((1u, 4u), _driver.UsedElement(0, 1));
    }

    [Fact]
    public void Input_that_came_early_waits_for_the_driver_and_its_buffers()
    {
        _machine.Type("early");
        Assert.False(_machine.Console.HasWork);
        _driver.Start();
        Assert.Equal(5, _machine.Input.Count);
        _driver.Descriptor(0, 0, 0x90000, 3, FakeDriver.Write);
        _driver.Descriptor(0, 1, 0x91000, 0x1000, FakeDriver.Write);
        _driver.Offer(0, 0);
        _driver.Notify(0);
        Assert.Equal((0u, 3u), _driver.UsedElement(0, 0));
        _driver.Offer(0, 1);
        _driver.Notify(0);
        Assert.Equal((1u, 2u), _driver.UsedElement(0, 1));
        Assert.Equal("ear", Encoding.ASCII.GetString(_machine.Ram.Window(0x90000, 3)));
        Assert.Equal("ly", Encoding.ASCII.GetString(_machine.Ram.Window(0x91000, 2)));
    }

    [Fact]
    public void Buffers_offered_before_DRIVER_OK_are_served_at_DRIVER_OK()
    {
        _driver.ResetAndAcknowledge();
        _driver.Accept(1UL << 32);
        _machine.Write(VirtioRegister.DeviceStatus, 1, 0xB);
        _driver.Configure(1);
        _machine.Write(VirtioRegister.QueueEnable, 2, 1);
        _machine.Ram.Window(0x80000, 1)[0] = (byte)'e';
        _driver.Descriptor(1, 0, 0x80000, 1, 0);
        _driver.Offer(1, 0);
        _driver.Notify(1);
        Assert.Equal("", _machine.Sink.Text);
        _machine.Write(VirtioRegister.DeviceStatus, 1, 0xF);
        Assert.Equal("e", _machine.Sink.Text);
    }

    [Fact]
    public void A_chain_of_input_buffers_is_filled_piece_by_piece()
    {
        _driver.Start();
        _driver.Descriptor(0, 0, 0x90000, 2, FakeDriver.Next | FakeDriver.Write, 1);
        _driver.Descriptor(0, 1, 0x91000, 2, FakeDriver.Write);
        _driver.Offer(0, 0);
        _machine.Type("abcde");
        Assert.Equal((0u, 4u), _driver.UsedElement(0, 0));
        Assert.Equal("cd", Encoding.ASCII.GetString(_machine.Ram.Window(0x91000, 2)));
        Assert.Equal(1, _machine.Input.Count);
    }

    [Fact]
    public void Input_written_to_RAM_is_announced_like_any_device_write()
    {
        var observer = new WriteObserver();
        _driver.Start();
        _driver.Descriptor(0, 0, 0x90000, 16, FakeDriver.Write);
        _driver.Offer(0, 0);
        _machine.Ram.WriteObserver = observer;
        _machine.Type("xyz");
        Assert.Contains((0x90000u, 3u), observer.Writes);
    }

    [Fact]
    public void A_reset_forgets_queues_and_features_and_the_driver_can_start_again()
    {
        _driver.Start();
        _driver.Print("one ");
        _driver.Start();
        _driver.Print("two");
        Assert.Equal("one two", _machine.Sink.Text);
        Assert.Equal((0u, 0u), _driver.UsedElement(1, 0));
        Assert.Equal(1, _driver.UsedIndex(1));
    }

    [Fact]
    public void A_stopping_Host_takes_no_more_and_the_Guest_keeps_its_buffer()
    {
        _driver.Start();
        _machine.Sink.Stopping = true;
        _driver.Descriptor(1, 0, 0x80000, 100_000, 0);
        _driver.Offer(1, 0);
        _driver.Notify(1);
        Assert.Equal(0, _driver.UsedIndex(1));
        Assert.Equal(4096, _machine.Sink.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void The_emergency_register_prints_at_any_status_and_width(int size)
    {
        _machine.Write(VirtioRegister.Config + 8, size, 0x41);
        _driver.Start();
        _machine.Write(VirtioRegister.Config + 8, size, 0xFFFFFF42);
        _machine.Write(VirtioRegister.DeviceStatus, 1, 0);
        _machine.Write(VirtioRegister.DeviceStatus, 1, 4);
        Assert.Equal(VirtioStatus.NeedsReset, _machine.Status);
        _machine.Write(VirtioRegister.Config + 8, size, 0x43);
        Assert.Equal("ABC", _machine.Sink.Text);
    }

    private sealed class WriteObserver : Lguest.Jit.Core.Execution.ICodeWriteObserver
    {
        public List<(uint, uint)> Writes { get; } = [];

        public void NotifyWrite(uint physical, uint length) => Writes.Add((physical, length));
    }

    [Fact]
    public void Without_a_terminal_there_is_no_size()
    {
        _driver.Start();
        Assert.Equal(0u, _machine.Read(VirtioRegister.Config, 4));
    }

    [Fact]
    public void A_size_is_announced_when_the_console_prints_and_whenever_it_changes()
    {
        var input = new ConsoleInputQueue();
        input.Resize(new TerminalSize(132, 43));
        using var rig = new DeviceRig((ram, log) => new VirtioConsole(ram, log, _machine.Sink, input), queues: 2);
        Assert.Equal(5u, (uint)rig.Offered);
        rig.Start(features: 1);
        var console = (VirtioConsole)rig.Device;
        console.RunOnGuestThread();
        Assert.Equal(0u, rig.Device.Read(VirtioRegister.Isr, 1));
        rig.Offer(1, (0x100000, 1, false));
        rig.Notify(1);
        Assert.Equal(3u, rig.Device.Read(VirtioRegister.Isr, 1));
        Assert.Equal((132u, 43u), (rig.Device.Read(VirtioRegister.Config, 2), rig.Device.Read(VirtioRegister.Config + 2, 2)));

        rig.Offer(1, (0x100000, 1, false));
        rig.Notify(1);
        Assert.Equal(1u, rig.Device.Read(VirtioRegister.Isr, 1));
        uint generation = rig.Device.Read(VirtioRegister.ConfigGeneration, 1);
        input.Resize(new TerminalSize(80, 300));
        Assert.Equal(132u, rig.Device.Read(VirtioRegister.Config, 2));
        console.RunOnGuestThread();
        Assert.Equal(2u, rig.Device.Read(VirtioRegister.Isr, 1));
        Assert.NotEqual(generation, rig.Device.Read(VirtioRegister.ConfigGeneration, 1));
        Assert.Equal((80u, 300u), (rig.Device.Read(VirtioRegister.Config, 2), rig.Device.Read(VirtioRegister.Config + 2, 2)));
    }
}
