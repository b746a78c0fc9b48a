namespace Lguest.Jit.Translator.Tests.Golden;

/// <summary>
/// What a change does to the code that we make is seen at review: the IL of a dozen loops on every Host, and the machine code where
/// the runtime is the one that made the listings.
/// </summary>
public class GoldenTests
{
    public static TheoryData<string> Programs => [.. GoldenPrograms.ByName.Keys];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Il_is_as_it_was(string program) => GoldenFiles.Check($"{program}.il.txt", GoldenListing.Of(program).Il);

    [X64Theory]
    [MemberData(nameof(Programs))]
    public void Machine_code_is_as_it_was(string program)
    {
        if (GoldenFiles.Writing)
        {
            GoldenFiles.Write(X64TheoryAttribute.HostFile, X64TheoryAttribute.Host + "\n");
        }

        GoldenFiles.Check($"{program}.x64.txt", GoldenListing.Of(program).X64);
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_listing_is_the_same_twice(string program) => Assert.Equal(GoldenListing.Of(program), GoldenListing.Of(program));

    [Fact]
    public void A_difference_is_shown_with_what_stands_before_it() =>
        Assert.Equal("line 3:\n  a\n  b\n- c\n+ x\n+ y", GoldenFiles.Difference("a\nb\nc\nd", "a\nb\nx\ny\nd"));
}
