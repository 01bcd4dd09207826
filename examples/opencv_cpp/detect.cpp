// Detects with a model of `multibox export WEIGHTS --format onnx --end boxes --description model.json`.
//
//     detect model.onnx model.json image [minimum score]
//
// Prints one line for each detection: class name, score, and the box in pixels of the image.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <opencv2/core.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

struct Detection {
    int label;
    float score;
    cv::Rect2f box;
};

static float iou(const cv::Rect2f& a, const cv::Rect2f& b) {
    const float shared = (a & b).area();
    return shared / std::max(a.area() + b.area() - shared, 1e-12f);
}

// Threshold, best per class, greedy suppression within each class, best per image.
static std::vector<Detection> select(const cv::Mat& boxes, const cv::Mat& scores, const cv::FileNode& rules) {
    const int priors = boxes.size[1], classes = scores.size[2];
    const float least = rules["score_threshold"], overlap = rules["nms_threshold"];
    const size_t per_class = static_cast<int>(rules["per_class"]), per_image = static_cast<int>(rules["per_image"]);
    std::vector<Detection> kept;
    for (int label = 0; label < classes; ++label) {
        std::vector<Detection> found, survivors;
        for (int prior = 0; prior < priors; ++prior) {
            const float score = scores.ptr<float>()[prior * classes + label];
            const float* b = boxes.ptr<float>() + 4 * prior;
            if (score > least) found.push_back({label, score, {b[0], b[1], b[2] - b[0], b[3] - b[1]}});
        }
        std::stable_sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.score > b.score; });
        found.resize(std::min(found.size(), per_class));
        for (const auto& one : found) {
            const auto covers = [&](const Detection& other) { return iou(one.box, other.box) > overlap; };
            if (std::none_of(survivors.begin(), survivors.end(), covers)) survivors.push_back(one);
        }
        kept.insert(kept.end(), survivors.begin(), survivors.end());
    }
    std::stable_sort(kept.begin(), kept.end(), [](auto& a, auto& b) { return a.score > b.score; });
    kept.resize(std::min(kept.size(), per_image));
    return kept;
}

static int run(const std::string& model, const std::string& description, const std::string& file, float minimum) {
    cv::FileStorage about(description, cv::FileStorage::READ | cv::FileStorage::FORMAT_JSON);
    cv::Mat image = cv::imread(file), input;
    if (image.empty() || !about.isOpened()) {
        std::fprintf(stderr, "detect: cannot read %s\n", (image.empty() ? file : description).c_str());
        return 1;
    }
    cv::dnn::Net net = cv::dnn::readNetFromONNX(model);
    const int height = about["input"]["height"], width = about["input"]["width"];
    cv::cvtColor(image, input, cv::COLOR_BGR2RGB);
    cv::resize(input, input, {width, height}, 0, 0, cv::INTER_LINEAR);
    if (CV_VERSION_MAJOR < 5) input.convertTo(input, CV_32F);  // OpenCV 5 takes the uint8 of the model
    const int shape[] = {1, height, width, 3};
    net.setInput(cv::Mat(4, shape, input.depth(), input.data));
    std::vector<cv::Mat> outputs;
    net.forward(outputs, std::vector<std::string>{"boxes", "scores"});
    const auto cut = [](float side) { return std::clamp(side, 0.f, 1.f); };
    for (const Detection& one : select(outputs[0], outputs[1], about["detection"])) {
        if (one.score < minimum) break;
        const cv::Point2f low = one.box.tl(), high = one.box.br();
        std::printf("%s %.3f %.1f %.1f %.1f %.1f\n", std::string(about["class_names"][one.label]).c_str(), one.score,
                    cut(low.x) * image.cols, cut(low.y) * image.rows, cut(high.x) * image.cols, cut(high.y) * image.rows);
    }
    return 0;
}

int main(int count, char** words) try {
    if (count < 4) {
        std::fprintf(stderr, "usage: detect MODEL.onnx DESCRIPTION.json IMAGE [MINIMUM SCORE]\n");
        return 2;
    }
    return run(words[1], words[2], words[3], count > 4 ? std::strtof(words[4], nullptr) : 0.5f);
} catch (const std::exception& error) {
    std::fprintf(stderr, "detect: %s\n", error.what());
    return 1;
}
