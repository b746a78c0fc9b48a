using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Launcher.Virtio;

namespace Lguest.Jit.Launcher.Tests.Virtio;

/// <summary>What lguest's Launcher ended itself over ("bad driver") stops our device until the driver resets it.</summary>
public sealed class DriverRulesTests : IDisposable
{
    private readonly ConsoleMachine _machine = new();
    private readonly FakeDriver _driver;

    public DriverRulesTests() => _driver = new FakeDriver(_machine);

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(2)] // DRIVER before ACKNOWLEDGE
    [InlineData(3)] // two at once
    [InlineData(4)] // DRIVER_OK first
    [InlineData(8)] // FEATURES_OK first
    [InlineData(0x10)] // no such bit
    [InlineData(0x40)] // ours to set
    public void Status_bits_out_of_order_break_the_device(uint status)
    {
        _machine.Write(VirtioRegister.DeviceStatus, 1, status);
        Broken("status");
    }

    [Fact]
    public void A_status_bit_cannot_be_cleared()
    {
        _driver.ResetAndAcknowledge();
        _machine.Write(VirtioRegister.DeviceStatus, 1, 2);
        Broken("status bits cleared");
    }

    [Fact]
    public void DRIVER_OK_needs_FEATURES_OK()
    {
        _driver.ResetAndAcknowledge();
        _machine.Write(VirtioRegister.DeviceStatus, 1, 7);
        Broken("status 0x03 to 0x07");
    }

    [Fact]
    public void A_driver_may_give_up()
    {
        _driver.Start();
        _machine.Write(VirtioRegister.DeviceStatus, 1, 0x8F);
        Assert.Equal(0x8Fu, _machine.Read(VirtioRegister.DeviceStatus, 1));
        _driver.Descriptor(1, 0, 0x80000, 1, 0);
        _driver.Offer(1, 0);
        _driver.Notify(1);
        Assert.Equal(0, _machine.Sink.Count);
        Assert.Equal("", _machine.Log);
    }

    [Fact]
    public void FEATURES_OK_stays_clear_without_VERSION_1()
    {
        _driver.ResetAndAcknowledge();
        _driver.Accept(4);
        _machine.Write(VirtioRegister.DeviceStatus, 1, 0xB);
        Assert.Equal(3u, _machine.Read(VirtioRegister.DeviceStatus, 1));
        Assert.Equal("", _machine.Log);
    }

    [Fact]
    public void Features_that_were_not_offered_break_the_device()
    {
        _driver.ResetAndAcknowledge();
        _driver.Accept((1UL << 32) | 2);
        Broken("features 0x00000002 of word 0 accepted, 0x00000004 offered");
    }

    [Fact]
    public void Features_of_a_third_word_are_none()
    {
        _driver.ResetAndAcknowledge();
        _machine.Write(VirtioRegister.DeviceFeatureSelect, 4, 2);
        Assert.Equal(0u, _machine.Read(VirtioRegister.DeviceFeature, 4));
        _machine.Write(VirtioRegister.DriverFeatureSelect, 4, 2);
        _machine.Write(VirtioRegister.DriverFeature, 4, 0);
        Assert.Equal("", _machine.Log);
        _machine.Write(VirtioRegister.DriverFeature, 4, 1);
        Broken("of word 2");
    }

    [Fact]
    public void Features_are_written_between_DRIVER_and_FEATURES_OK()
    {
        _machine.Write(VirtioRegister.DriverFeature, 4, 4);
        Broken("features written at status 0x00");
        _driver.Start();
        _machine.Write(VirtioRegister.DriverFeature, 4, 4);
        Broken("features written at status 0x0f");
    }

    [Fact]
    public void A_queue_is_configured_between_FEATURES_OK_and_its_enable()
    {
        _driver.ResetAndAcknowledge();
        _machine.Write(VirtioRegister.QueueSize, 2, 128);
        Broken("before FEATURES_OK");
        _driver.Start();
        _machine.Write(VirtioRegister.QueueDescriptors, 4, 0x20000);
        Broken("after it was enabled");
    }

    [Theory]
    [InlineData(0u, 0x20000u, 0x21000u, 0x22000u, "queue size 0")]
    [InlineData(3u, 0x20000u, 0x21000u, 0x22000u, "queue size 3")]
    [InlineData(512u, 0x20000u, 0x21000u, 0x22000u, "queue size 512")]
    [InlineData(256u, 0x20008u, 0x21000u, 0x22000u, "descriptor table at 0x20008")]
    [InlineData(256u, 0x20000u, 0x21001u, 0x22000u, "available ring at 0x21001")]
    [InlineData(256u, 0x20000u, 0x21000u, 0x22002u, "used ring at 0x22002")]
    [InlineData(256u, 0x3FF010u, 0x21000u, 0x22000u, "descriptor table at 0x3ff010")]
    [InlineData(256u, 0x20000u, 0x3FFDFEu, 0x22000u, "available ring at 0x3ffdfe")]
    [InlineData(256u, 0x20000u, 0x21000u, 0x3FF800u, "used ring at 0x3ff800")]
    public void Rings_that_cannot_be_are_refused_when_enabled(uint size, uint descriptors, uint available, uint used, string words)
    {
        Prepare(size, descriptors, available, used);
        _machine.Write(VirtioRegister.QueueEnable, 2, 1);
        Broken(words);
    }

    [Theory]
    [InlineData(256u, 0x3FF000u, 0x3FFDFCu, 0x22000u)]
    [InlineData(1u, 0x3FFFF0u, 0x3FFFFAu, 0x3FFFF4u)]
    public void Rings_may_lie_at_the_very_end_of_RAM(uint size, uint descriptors, uint available, uint used)
    {
        Prepare(size, descriptors, available, used);
        _machine.Write(VirtioRegister.QueueEnable, 2, 1);
        Assert.Equal(1u, _machine.Read(VirtioRegister.QueueEnable, 2));
    }

    [Fact]
    public void High_address_halves_must_be_zero()
    {
        Prepare(256, 0x20000, 0x21000, 0x22000);
        _machine.Write(VirtioRegister.QueueUsed + 4, 4, 1);
        _machine.Write(VirtioRegister.QueueEnable, 2, 1);
        Broken("used ring at 0x100022000");
    }

    [Fact]
    public void The_used_ring_must_start_with_zero_flags()
    {
        Prepare(256, 0x20000, 0x21000, 0x22000);
        _machine.Put(0x22000, 1);
        _machine.Write(VirtioRegister.QueueEnable, 2, 1);
        Broken("used ring flags");
    }

    [Fact]
    public void Only_1_is_written_to_queue_enable_and_before_DRIVER_OK()
    {
        Prepare(256, 0x20000, 0x21000, 0x22000);
        _machine.Write(VirtioRegister.QueueEnable, 2, 0);
        Broken("queue_enable 0");
        _driver.Start();
        _machine.Write(VirtioRegister.QueueEnable, 2, 1);
        Broken("queue_enable 1 at status 0x0f");
    }

    [Fact]
    public void A_write_of_the_wrong_width_or_into_the_middle_breaks_the_device()
    {
        _machine.Write(VirtioRegister.DeviceStatus, 2, 1);
        Broken("2 bytes written at 0x14");
        _machine.Write(VirtioRegister.DeviceStatus, 1, 0);
        _machine.Write(VirtioRegister.DeviceFeatureSelect + 1, 1, 1);
        Broken("1 bytes written at 0x01");
    }

    [Fact]
    public void Writes_to_read_only_registers_change_nothing()
    {
        _driver.Start();
        foreach ((uint register, int size) in new[]
        {
            (VirtioRegister.DeviceFeature, 4), (VirtioRegister.MsixConfig, 2), (VirtioRegister.NumQueues, 2), (VirtioRegister.ConfigGeneration, 1),
            (VirtioRegister.QueueMsixVector, 2), (VirtioRegister.QueueNotifyOff, 2), (VirtioRegister.Isr, 1), (VirtioRegister.Isr + 1, 1),
        })
        {
            _machine.Write(register, size, 1);
        }

        Assert.Equal("", _machine.Log);
        Assert.Equal(2u, _machine.Read(VirtioRegister.NumQueues, 2));
        Assert.Equal(0xFFFFu, _machine.Read(VirtioRegister.MsixConfig, 2));
        _driver.Print("alive");
    }

    [Fact]
    public void A_queue_that_does_not_exist_has_size_0_and_takes_no_writes()
    {
        _driver.Start();
        _machine.Write(VirtioRegister.QueueSelect, 2, 2);
        Assert.Equal(0u, _machine.Read(VirtioRegister.QueueSize, 2));
        _machine.Write(VirtioRegister.QueueSize, 2, 4);
        _machine.Write(VirtioRegister.QueueUsed, 4, 4);
        _machine.Write(VirtioRegister.QueueEnable, 2, 1);
        _machine.Write(VirtioRegister.Notify, 2, 2);
        _machine.Write(VirtioRegister.Notify, 2, 0xFFFF);
        Assert.Equal("", _machine.Log);
    }

    [Fact]
    public void Reads_of_any_width_compose_the_registers()
    {
        _driver.Start();
        _machine.Write(VirtioRegister.QueueSelect, 2, 1);
        Assert.Equal(0x0001_00_0Fu, _machine.Read(VirtioRegister.DeviceStatus, 4));
        Assert.Equal(1u, _machine.Read(VirtioRegister.QueueSize + 1, 1));
        Assert.Equal(FakeDriver.Descriptors(1) >> 16, _machine.Read(VirtioRegister.QueueDescriptors + 2, 2));
        Assert.Equal(0u, _machine.Read(0x7E, 4));
        Assert.Equal("", _machine.Log);
    }

    [Fact]
    public void A_broken_device_tells_its_driver_and_does_nothing_until_reset()
    {
        _driver.Start();
        _driver.Descriptor(1, 0, ConsoleMachine.RamSize - 1, 2, 0);
        _driver.Offer(1, 0);
        _driver.Notify(1);
        Broken("a buffer of 2 bytes at 0x3fffff");
        Assert.Equal([1], _machine.Interrupts.Raised);
        Assert.Equal(2u, _machine.Read(VirtioRegister.Isr, 1));
        Assert.Equal(0, _driver.UsedIndex(1));
        _machine.Type("nobody listens");
        Assert.Equal(0, _driver.UsedIndex(0));
        _driver.Start();
        _driver.Print("again");
        Assert.Equal("again", _machine.Sink.Text);
    }

    [Theory]
    [InlineData(1, 0x80000u, 1u, FakeDriver.Write, "a buffer to write in the transmit queue")]
    [InlineData(0, 0x80000u, 1u, 0, "a buffer to read in the receive queue")]
    [InlineData(1, 0x80000u, 1u, FakeDriver.Indirect, "an indirect descriptor")]
    [InlineData(1, 0x80000u, 1u, FakeDriver.Next, "a chain that loops")]
    [InlineData(1, 0x80000u, 0xFFFFFFFFu, 0, "a buffer of 4294967295 bytes")]
    [InlineData(1, 0xFFFFFFFFu, 2u, 0, "a buffer of 2 bytes at 0xffffffff")]
    public void Bad_descriptors_break_the_device(int queue, uint address, uint length, ushort flags, string words)
    {
        _driver.Start();
        _driver.Descriptor(queue, 0, address, length, flags);
        _driver.Offer(queue, 0);
        _driver.Notify(queue);
        _machine.Type("x");
        Broken(words);
    }

    [Fact]
    public void A_buffer_to_read_after_one_to_write_breaks_the_device()
    {
        _driver.Start();
        _driver.Descriptor(0, 0, 0x80000, 1, FakeDriver.Write | FakeDriver.Next, 1);
        _driver.Descriptor(0, 1, 0x80000, 1, 0);
        _driver.Offer(0, 0);
        _machine.Type("x");
        Broken("to read after one to write");
    }

    [Fact]
    public void Indices_beyond_their_rings_break_the_device()
    {
        _driver.Start();
        _driver.Offer(1, 256);
        _driver.Notify(1);
        Broken("descriptor 256 in a table of 256");
        _driver.Start();
        _driver.Descriptor(1, 0, 0x80000, 1, FakeDriver.Next, 300);
        _driver.Offer(1, 0);
        _driver.Notify(1);
        Broken("descriptor 300 in a table of 256");
        _driver.Start();
        _machine.Put(FakeDriver.Available(1) + 2, 257);
        _driver.Notify(1);
        Broken("available index ran 257 ahead");
    }

    [Fact]
    public void Complaints_do_not_fill_the_disk()
    {
        for (int i = 0; i < 1000; i++)
        {
            _machine.Write(VirtioRegister.DeviceStatus, 1, 0);
            _machine.Write(VirtioRegister.DeviceStatus, 1, 0x10);
        }

        Assert.InRange(_machine.Log.Split('\n').Length, 2, 12);
    }

    private void Prepare(uint size, uint descriptors, uint available, uint used)
    {
        _driver.ResetAndAcknowledge();
        _driver.Accept(1UL << 32);
        _machine.Write(VirtioRegister.DeviceStatus, 1, 0xB);
        _machine.Write(VirtioRegister.QueueSelect, 2, 1);
        _machine.Write(VirtioRegister.QueueSize, 2, size);
        _machine.Write(VirtioRegister.QueueDescriptors, 4, descriptors);
        _machine.Write(VirtioRegister.QueueAvailable, 4, available);
        _machine.Write(VirtioRegister.QueueUsed, 4, used);
    }

    private void Broken(string words)
    {
        Assert.True((_machine.Status & VirtioStatus.NeedsReset) != 0, "not broken");
        Assert.Contains(words, _machine.Log, StringComparison.Ordinal);
    }
}
